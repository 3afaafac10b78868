"""Settings of Django. What differs between installations comes from the environment, see `environment`."""

from pathlib import Path
from urllib.parse import quote

from huey import PostgresHuey, SqliteHuey

from lungfuse_service.config import environment

PACKAGE = Path(__file__).resolve().parent.parent
PROJECT = Path(environment.text("PROJECT", ".")).resolve()  # in whose results/ the trained models lie
FOLDER = Path(environment.text("FOLDER", str(PROJECT / "service"))).resolve()
FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)

# What is kept, and what a user may do.
RETENTION_DAYS = environment.number("RETENTION_DAYS", 30)  # 0: until a user deletes it
SIGN_UP = environment.switch("SIGN_UP", True)
MOST_WAITING = environment.number("MOST_WAITING", 20)  # predictions of a user that have no result yet
MOST_A_DAY = environment.number("MOST_A_DAY", 200)
MOST_BYTES = environment.number("MOST_MEGABYTES", 20) * 1024**2  # of a request
MOST_PIXELS = environment.number("MOST_MEGAPIXELS", 40) * 1000**2
REGIONS = environment.switch("REGIONS", True)
MEDIA_ACCEL = environment.text("MEDIA_ACCEL")  # the internal location of nginx that has the media files
TELEGRAM_TOKEN = environment.text("TELEGRAM_TOKEN")
TELEGRAM_API = environment.text("TELEGRAM_API", "https://api.telegram.org").rstrip("/")

SECRET_KEY = environment.secret_key(FOLDER)
DEBUG = False
ALLOWED_HOSTS = environment.text("HOSTS", "127.0.0.1,localhost,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [origin for origin in environment.text("ORIGINS").split(",") if origin]
PROXY = environment.switch("PROXY", False)  # a proxy says in X-Forwarded-For, by itself, who asks
HTTPS = environment.switch("HTTPS", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 365 * 86400 if HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "lungfuse_service.config.problems.csrf_failed"
SESSION_COOKIE_AGE = 14 * 86400
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    "lungfuse_service.accounts",
    "lungfuse_service.catalogue",
    "lungfuse_service.jobs",
    "lungfuse_service.predictions",
    "lungfuse_service.updates",
    "lungfuse_service.api",
    "lungfuse_service.bot",
    "axes",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "huey.contrib.djhuey",
]
MIDDLEWARE = [
    "lungfuse_service.config.middleware.behind_proxy",
    "django.middleware.security.SecurityMiddleware",
    "lungfuse_service.config.middleware.headers",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "lungfuse_service.config.middleware.small_requests",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "lungfuse_service.config.urls"
WSGI_APPLICATION = "lungfuse_service.config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PACKAGE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "lungfuse_service.config.context.service",
            ],
            "builtins": ["lungfuse_service.config.template_filters"],
        },
    }
]

DATABASES = {"default": environment.database(FOLDER)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
POSTGRES = environment.text("DATABASE")
HUEY = (
    PostgresHuey("lungfuse", dsn=POSTGRES, results=False, create_tables=False)  # `migrate` makes them
    if POSTGRES
    else SqliteHuey("lungfuse", filename=str(FOLDER / "queue.sqlite3"), results=False)
)

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ["UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator"]
]
LOGIN_URL, LOGIN_REDIRECT_URL, LOGOUT_REDIRECT_URL = "log-in", "home", "home"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "accounts/locked.html"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_HTTP_RESPONSE_CODE = 429

DATA_UPLOAD_MAX_MEMORY_SIZE = 1024**2  # of a request without its files
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
DATA_UPLOAD_MAX_NUMBER_FILES = 2
FILE_UPLOAD_PERMISSIONS = 0o640
MEDIA_ROOT = FOLDER / "media"
STATIC_URL, STATIC_ROOT = "/static/", FOLDER / "static"
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [PACKAGE / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

LANGUAGE_CODE = "en-gb"
USE_I18N = False
TIME_ZONE, USE_TZ = "UTC", True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "lungfuse_service.config.log_lines.LineFormatter",
            "fmt": "{asctime} {levelname} {name}: {message}",
            "style": "{",
            "secrets": [TELEGRAM_TOKEN, quote(TELEGRAM_TOKEN), SECRET_KEY],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "lungfuse_service": {"level": "INFO"},
        "huey": {"handlers": ["stderr"], "level": "WARNING"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},  # anybody could fill the log with tracebacks
    },
}
