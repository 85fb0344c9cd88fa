# One place for what every C file of ours is compiled with.
# gcc and clang see different bugs (gcc misses uninitialised returns, clang
# misses some fall-throughs), so both must stay clean with these.
add_library(xenblk_flags INTERFACE)
target_compile_features(xenblk_flags INTERFACE c_std_17)
target_compile_definitions(xenblk_flags INTERFACE _GNU_SOURCE)
target_include_directories(xenblk_flags INTERFACE ${PROJECT_SOURCE_DIR}
                                                  ${PROJECT_BINARY_DIR}/include)
target_compile_options(
  xenblk_flags
  INTERFACE -Wall
            -Wextra
            -Wshadow
            -Wconversion
            -Wstrict-prototypes
            -Wmissing-prototypes
            -Wcast-qual
            -Wundef
            -Wvla
            -Wformat=2
            -Wimplicit-fallthrough
            -Wswitch-enum
            -fno-strict-aliasing
            -fno-common
            $<$<C_COMPILER_ID:Clang>:-Wconditional-uninitialized>
            $<$<C_COMPILER_ID:Clang>:-Werror=noderef>
            $<$<C_COMPILER_ID:Clang>:-Wno-gnu-statement-expression>)
# A process that ends by _exit() would leave no counters behind.
if(CMAKE_C_FLAGS MATCHES "--coverage")
  add_library(xenblk_coverage STATIC ${PROJECT_SOURCE_DIR}/coverage/leave.c)
  target_link_libraries(xenblk_flags INTERFACE xenblk_coverage)
  target_link_options(xenblk_flags INTERFACE -Wl,--wrap=_exit)
endif()
if(XENBLK_WERROR)
  target_compile_options(xenblk_flags INTERFACE -Werror)
endif()

# xenblk_library(NAME DIR [EXCLUDE file...]): a static library of the C files in
# this folder (not of test_*.c and main.c).  A new noun is a new file, nothing more.
function(xenblk_library name)
  cmake_parse_arguments(ARG "" "" "EXCLUDE;LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.c)
  list(FILTER sources EXCLUDE REGEX "/(test_[^/]*|main|[^/]*_main)\\.c$")
  foreach(f IN LISTS ARG_EXCLUDE)
    list(REMOVE_ITEM sources ${CMAKE_CURRENT_SOURCE_DIR}/${f})
  endforeach()
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC xenblk_flags ${ARG_LINK})
endfunction()

# Debian's libraries are not instrumented: what they hand back looks uninitialised
# to MemorySanitizer.  Tests whose subject is such a library stay out of its build.
if(CMAKE_C_FLAGS MATCHES "fsanitize=memory")
  set(XENBLK_MSAN ON)
endif()
# ThreadSanitizer locks where a signal handler must not jump out.
if(CMAKE_C_FLAGS MATCHES "fsanitize=thread")
  set(XENBLK_TSAN ON)
endif()

# xenblk_tests(LABEL LINK lib... [NOT_MSAN name...] [NOT_TSAN name...]): every test_*.c of this folder
# becomes one cmocka program and one ctest entry named after the file.
function(xenblk_tests label)
  cmake_parse_arguments(ARG "" "" "LINK;NOT_MSAN;NOT_TSAN" ${ARGN})
  if(NOT XENBLK_TESTS)
    return()
  endif()
  file(GLOB tests CONFIGURE_DEPENDS test_*.c)
  foreach(t IN LISTS tests)
    get_filename_component(n ${t} NAME_WE)
    string(REPLACE "test_" "" short ${n})
    if(XENBLK_MSAN AND short IN_LIST ARG_NOT_MSAN)
      continue()
    endif()
    if(XENBLK_TSAN AND short IN_LIST ARG_NOT_TSAN)
      continue()
    endif()
    add_executable(${n} ${t})
    target_link_libraries(${n} PRIVATE ${ARG_LINK} cmocka)
    set_target_properties(${n} PROPERTIES RUNTIME_OUTPUT_DIRECTORY
                                          ${PROJECT_BINARY_DIR}/tests)
    add_test(NAME unit.${label}.${short} COMMAND ${n})
    set_tests_properties(unit.${label}.${short} PROPERTIES TIMEOUT 120 LABELS unit)
  endforeach()
endfunction()
