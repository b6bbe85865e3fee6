"""The web application as granian (or any WSGI server) loads it: `granian --interface wsgi prm.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

from prm.bodies import with_length

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prm.settings")
application = with_length(get_wsgi_application())
