"""Audit: whether anything of the hidden ratings can reach a model, fold by fold."""

from benchbox.audit.canary import redraw_hidden as redraw_hidden
