"""What the corner shop keeps: chosen so that the admin shows every kind of field and key."""

import uuid

from django.core.validators import MinValueValidator
from django.db import models


class Category(models.Model):
    name = models.CharField(max_length=80, unique=True)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "categories"

    def __str__(self):
        return self.name


class Supplier(models.Model):
    name = models.CharField(max_length=80, unique=True)
    email = models.EmailField(blank=True)

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


class Product(models.Model):
    class Colour(models.TextChoices):
        BLUE = "blue", "Blue"
        GREEN = "green", "Green"
        RED = "red", "Red"

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=120, unique=True)
    description = models.TextField(blank=True)
    price = models.DecimalField(
        max_digits=8, decimal_places=2, default=0, validators=[MinValueValidator(0)]
    )
    stock = models.IntegerField(default=0)
    category = models.ForeignKey(Category, on_delete=models.PROTECT)
    supplier = models.ForeignKey(Supplier, on_delete=models.SET_NULL, null=True, blank=True)
    tags = models.ManyToManyField(Tag, blank=True)
    colour = models.CharField(max_length=10, choices=Colour.choices, blank=True)
    published = models.BooleanField(default=False)
    available_from = models.DateField(null=True, blank=True)
    checked_at = models.DateTimeField("last checked", null=True, blank=True)
    manual = models.FileField(upload_to="manuals/", blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


class Image(models.Model):
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="images")
    file = models.FileField(upload_to="images/")
    caption = models.CharField(max_length=120, blank=True)

    def __str__(self):
        return self.caption or self.file.name


class Review(models.Model):
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="reviews")
    author = models.CharField(max_length=80)
    stars = models.PositiveSmallIntegerField(choices=[(n, n * "★") for n in range(1, 6)])
    text = models.TextField(blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self):
        return f"{self.author}, {self.stars} of 5"


class Shelf(models.Model):
    """It names its category instead of numbering it."""

    name = models.CharField(max_length=80)
    category = models.ForeignKey(Category, on_delete=models.PROTECT, to_field="name")
    password_hint = models.CharField(max_length=120, blank=True)
    photo = models.FileField(upload_to="shelves/", blank=True)
    plan = models.TextField(blank=True)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "shelves"

    def __str__(self):
        return self.name


class Document(models.Model):
    """Its key is a UUID."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    title = models.CharField(max_length=120)
    body = models.TextField(blank=True)

    class Meta:
        ordering = ["title"]

    def __str__(self):
        return self.title


class Part(models.Model):
    """Its key is free text, slashes and accents included."""

    key = models.CharField(max_length=40, primary_key=True)
    name = models.CharField(max_length=120)

    class Meta:
        ordering = ["key"]

    def __str__(self):
        return f"{self.key}: {self.name}"


class Credential(models.Model):
    name = models.CharField(max_length=80)
    login = models.CharField(max_length=80, blank=True)
    api_secret = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name
