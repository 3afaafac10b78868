"""Images and texts that show or say the same, or nearly."""
