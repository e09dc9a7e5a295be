# The embedded files: they belong to no library of src/.
add_executable(test_assets ${CMAKE_CURRENT_SOURCE_DIR}/unit/assets/test_assets.c ${CMAKE_CURRENT_SOURCE_DIR}/vs_test.c)
target_link_libraries(test_assets PRIVATE vs_assets vs_base PkgConfig::CMOCKA)
add_test(NAME test_assets COMMAND test_assets)
set_tests_properties(test_assets PROPERTIES LABELS unit)
