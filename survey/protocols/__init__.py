"""Pure dialogues and codecs: bytes in, bytes out. No sockets, no asyncio."""
