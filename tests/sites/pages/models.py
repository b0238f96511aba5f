"""One object in several languages: django-parler's case."""

from django.db import models
from parler.models import TranslatableModel, TranslatedFields


class Page(TranslatableModel):
    translations = TranslatedFields(
        title=models.CharField(max_length=120), body=models.TextField(blank=True)
    )

    def __str__(self):
        return self.safe_translation_getter("title", any_language=True) or ""
