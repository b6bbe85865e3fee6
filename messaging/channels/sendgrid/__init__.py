"""SendGrid: many people a call, signed events afterwards."""
