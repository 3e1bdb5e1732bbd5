"""Page."""


def page(kept):
    return ""
