"""Drawings that reports and the site share."""
