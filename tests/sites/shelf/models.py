"""One kind of thing that is really several: django-polymorphic's case."""

from django.db import models
from polymorphic.models import PolymorphicModel


class Publication(PolymorphicModel):
    title = models.CharField(max_length=120)

    def __str__(self):
        return self.title


class Book(Publication):
    isbn = models.CharField(max_length=20, blank=True)


class Magazine(Publication):
    issue = models.IntegerField(default=1)
