from django.db import models


class Order(models.Model):
    # Not unique, on purpose: an order that was taken twice must be there twice, for the tests to find.
    key = models.CharField(max_length=64, db_index=True)
    created = models.DateTimeField(auto_now_add=True)

    @classmethod
    def take(cls, request, key):
        return cls.objects.create(key=key)
