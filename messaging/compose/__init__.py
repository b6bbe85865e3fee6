"""What messages say: merge fields, blocks, versions of templates, rendering."""
