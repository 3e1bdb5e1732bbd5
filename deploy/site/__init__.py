"""The site of the documentation: what is generated for it, and the tutorials that are run."""
