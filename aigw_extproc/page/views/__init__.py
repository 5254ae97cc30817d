"""The pages as HTML: values in, text out."""
