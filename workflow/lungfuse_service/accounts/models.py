"""Users and their tokens."""

import hashlib
import secrets

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A user, of whom nothing is kept but a name, a hashed password and, if given, an address."""


class ApiToken(models.Model):
    """What a user's programs bear: one a user, of which only the digest is kept."""

    user = models.OneToOneField(User, models.CASCADE, related_name="api_token")
    digest = models.CharField(max_length=64, unique=True)
    made = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"token of {self.user}"

    @classmethod
    def renew(cls, user: User) -> str:
        """A new token in place of that before: the only time that it is seen."""
        token = secrets.token_urlsafe(32)
        cls.objects.update_or_create(user=user, defaults={"digest": digest_of(token)})
        return token


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def user_of(token: str) -> User | None:
    """The user who bears a token, if it is one and the account is active."""
    found = ApiToken.objects.select_related("user").filter(digest=digest_of(token), user__is_active=True).first()
    return found.user if found else None
