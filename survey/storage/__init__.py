"""Where tables lie and how they are written: schemas, layout, atomic files, manifest."""
