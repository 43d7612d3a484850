"""Reading what was written for other tools, as stubs of the format of this one."""
