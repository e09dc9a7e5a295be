# The program as a user runs it: tests/cli/*.sh get the program's path, a scratch folder and the tools beside them.
if(TARGET vstar)
  add_executable(fill_run ${CMAKE_CURRENT_SOURCE_DIR}/cli/fill_run.c)
  target_link_libraries(fill_run PRIVATE vs_store vs_labels)
  set(shared $ENV{VSTAR_SHARED})
  if(NOT shared)
    set(shared ${CMAKE_SOURCE_DIR}/../shared/data)
  endif()
  # The longest first.
  foreach(name recipe_keys recompute systems bad_input transcripts compare verbs stream grader runs resume no_verifier no_votes
               few_shot reward compute merged chat import)
    add_test(NAME cli_${name}
             COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/cli/${name}.sh $<TARGET_FILE:vstar> $<TARGET_FILE:fill_run>
                     ${CMAKE_CURRENT_BINARY_DIR}/cli_${name} ${shared})
    set_tests_properties(cli_${name} PROPERTIES LABELS cli ENVIRONMENT "VSTAR_THREADS=2")
  endforeach()
  # 5 kills of the 20 that the script makes when it is run by hand.
  add_test(NAME cli_kill COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/cli/kill.sh 5 $<TARGET_FILE:vstar>
                                 ${CMAKE_CURRENT_BINARY_DIR}/cli_kill)
  set_tests_properties(cli_kill PROPERTIES LABELS cli)
endif()
