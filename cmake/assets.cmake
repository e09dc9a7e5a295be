# Files that travel inside the program (the demo's base, the report's script and style): turned
# into byte arrays at build time. assets.h declares vs_asset_find(name).
# Filled in by the modules that own assets.
add_library(vs_assets INTERFACE)
