"""Stubs of GripMock 3, and of the older one."""
