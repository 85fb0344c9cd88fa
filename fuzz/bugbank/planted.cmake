# For the bug bank's copy of the sources: CMAKE_PROJECT_xenblk_INCLUDE names it.
add_compile_options("SHELL:-include ${PROJECT_SOURCE_DIR}/fuzz/bugbank/planted.h")
