"""Twitch: EventSub and Helix, or its chat alone over IRC."""
