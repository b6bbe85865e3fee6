"""The default until a provider is set: nothing leaves, staff read it in the outbox."""
