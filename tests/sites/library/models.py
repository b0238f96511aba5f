"""What a small library writes: one model with every common kind of field, inlines of two depths."""

from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=80, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


class Tag(models.Model):
    name = models.CharField(max_length=40, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


class Article(models.Model):
    STATUS = [("draft", "Draft"), ("review", "In review"), ("live", "Live")]

    title = models.CharField(max_length=120)
    slug = models.SlugField(max_length=120, blank=True)
    body = models.TextField(blank=True)
    author = models.ForeignKey(Author, on_delete=models.PROTECT)
    tags = models.ManyToManyField(Tag, blank=True)
    status = models.CharField(max_length=10, choices=STATUS, default="draft")
    featured = models.BooleanField(default=False)
    day = models.DateField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["title"]

    def __str__(self):
        return self.title


class Comment(models.Model):
    article = models.ForeignKey(Article, on_delete=models.CASCADE)
    name = models.CharField(max_length=80)
    text = models.TextField(blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self):
        return self.name


class Link(models.Model):
    comment = models.ForeignKey(Comment, on_delete=models.CASCADE)
    url = models.CharField(max_length=200)

    class Meta:
        ordering = ["pk"]

    def __str__(self):
        return self.url
