"""
The owner's desk: drafts, previews, versions and what became of them, all of it content as data.

docs/architecture.md says in which order a page is written, and why.
"""
