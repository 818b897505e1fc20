"""Entities and links to a networkx graph."""
