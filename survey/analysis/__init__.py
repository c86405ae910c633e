"""Judgement: rules, findings, exposure, and the notebook API."""
