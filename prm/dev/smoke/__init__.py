"""`make smoke`: drives the running system through the whole flow in headless Chromium, a picture of each step."""
