"""HTTP: a router per noun, sign-in, problems, paging, request bodies."""
