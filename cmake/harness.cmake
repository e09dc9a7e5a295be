# src/flow/labels/code/harness.py as a C string, for the sandbox of flow/labels.
set(harness ${CMAKE_SOURCE_DIR}/src/flow/labels/code/harness.py)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${harness})
file(READ ${harness} text)
file(SHA256 ${harness} VS_HARNESS_HASH)
string(REPLACE "\\" "\\\\" text "${text}")
string(REPLACE "\"" "\\\"" text "${text}")
string(REPLACE "\n" "\\n\"\n    \"" VS_HARNESS "${text}")
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/harness.c @ONLY CONTENT
"/* Made by cmake/harness.cmake. */
#include \"flow/labels/code/harness.h\"

const char vs_harness[] =
    \"@VS_HARNESS@\";
const char vs_harness_hash[] = \"@VS_HARNESS_HASH@\";
")
target_sources(vs_labels PRIVATE ${CMAKE_BINARY_DIR}/generated/harness.c)
# C99 asks compilers for no more than 4,095 characters of a string; all that build this take more.
set_source_files_properties(${CMAKE_BINARY_DIR}/generated/harness.c PROPERTIES COMPILE_OPTIONS -Wno-overlength-strings)
