"""Item models over what is measured: raw values in roles, formatted by delegates."""
