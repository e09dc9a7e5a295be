# The program as a user runs it: tests/cli/*.sh get the program's path, a scratch folder and the tools beside them.
if(TARGET vstar)
  add_executable(fill_run ${CMAKE_CURRENT_SOURCE_DIR}/cli/fill_run.c)
  target_link_libraries(fill_run PRIVATE vs_store vs_labels)
  set(shared $ENV{VSTAR_SHARED})
  if(NOT shared)
    set(shared ${CMAKE_SOURCE_DIR}/../shared/data)
  endif()
  foreach(name bad_input verbs stream grader runs resume no_verifier few_shot systems reward compare compute merged chat import
               recompute recipe_keys)
