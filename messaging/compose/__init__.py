"""What messages say: merge fields, blocks, versions of templates, rendering.

Upper apps register blocks with `register_block`, publish wordings with `versions.publish` and take the built-in ones
from `library.version`.
"""

from messaging.compose.blocks import register_block

__all__ = ["register_block"]
