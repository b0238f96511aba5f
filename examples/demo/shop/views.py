"""The one page outside the admin: what a customer sees."""

from django.shortcuts import render

from .models import Product


def home(request):
    products = Product.objects.filter(published=True).select_related("category")
    return render(request, "shop/home.html", {"products": products})
