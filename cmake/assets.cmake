# Files that travel inside the program, behind vs_asset_find of assets/assets.h. What does not exist yet
# is left out; a new file is found by the next build's glob, a changed one recompiles the generated file.
set(VS_CHART_JS /usr/share/javascript/chart.js/chart.min.js CACHE FILEPATH "Chart.js (Debian: libjs-chart.js)")
file(GLOB report_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/app/report/*.css
     ${CMAKE_SOURCE_DIR}/src/app/report/*.js ${CMAKE_SOURCE_DIR}/src/app/report/*.html)
file(GLOB base_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/assets/demo-base/*.json
     ${CMAKE_SOURCE_DIR}/assets/demo-base/*.safetensors)
file(GLOB recipe_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/recipes/demo.yaml
     ${CMAKE_SOURCE_DIR}/recipes/demo-hard.yaml)

# "NAME=FILE", sorted by name.
set(assets)
foreach(file ${report_files})
  get_filename_component(name ${file} NAME)
  list(APPEND assets "report/${name}=${file}")
endforeach()
foreach(file ${base_files})
  get_filename_component(name ${file} NAME)
  list(APPEND assets "demo-base/${name}=${file}")
endforeach()
foreach(file ${recipe_files})
  get_filename_component(name ${file} NAME)
  list(APPEND assets "recipes/${name}=${file}")
endforeach()
if(EXISTS ${VS_CHART_JS})
  list(APPEND assets "chart.min.js=${VS_CHART_JS}")
endif()
list(SORT assets)

set(VS_ASSET_COUNT 0)
set(VS_ASSET_BYTES "")
set(VS_ASSET_ROWS "")
set(asset_files)
foreach(asset ${assets})
  string(REGEX MATCH "^([^=]*)=(.*)$" all ${asset})
  set(name ${CMAKE_MATCH_1})
  set(file ${CMAKE_MATCH_2})
  if(file MATCHES "[\"\\\\]")
    message(FATAL_ERROR "${file}: a path with quotes or backslashes cannot be embedded")
  endif()
  list(APPEND asset_files ${file})
  set(label ".Lvs_asset_${VS_ASSET_COUNT}")
  string(APPEND VS_ASSET_BYTES
    "        \".balign 64\\n${label}: .incbin \\\"${file}\\\"\\n${label}_end: .byte 0\\n\"\n"
    "        \"${label}_name: .asciz \\\"${name}\\\"\\n\"\n")
  string(APPEND VS_ASSET_ROWS
    "        \".quad ${label}_name, ${label}, ${label}_end - ${label}\\n\"\n")
  math(EXPR VS_ASSET_COUNT "${VS_ASSET_COUNT} + 1")
endforeach()

set(asset_source ${CMAKE_BINARY_DIR}/generated/assets.c)
configure_file(${CMAKE_SOURCE_DIR}/assets/assets.c.in ${asset_source} @ONLY)
add_library(vs_assets STATIC ${asset_source})
set_source_files_properties(${asset_source} PROPERTIES OBJECT_DEPENDS "${asset_files}")
include_directories(${CMAKE_SOURCE_DIR}/assets)
