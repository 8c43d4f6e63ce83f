"""The web: REST, the WebSocket, the windows."""
