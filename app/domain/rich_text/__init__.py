"""Formatted text: HubSpot's HTML and the dialects of the messaging services, with one small tree between them."""
