"""Dated snapshots of outside data: country, network, contact and listing of an address."""
