# The drop-in build: a library to preload, and the command around it.

# It goes into stock programs and into ours, whatever those are compiled with,
# so it is compiled without sanitizers and coverage, with flags of its own.
set(XENSIM_PLAIN_FLAGS -O2 -g -fno-sanitize=all -fno-profile-arcs
                       -fno-test-coverage)
set(XENSIM_SHARED lib/dropin/message.c lib/dropin/repair.c lib/dropin/shared.c)

add_library(
  xensim SHARED
  domain.c grants.c ports.c ${XENSIM_SHARED}
  lib/dropin/client.c lib/dropin/evtchn.c lib/dropin/fault.c lib/dropin/gntcopy.c
  lib/dropin/gntshr.c lib/dropin/gnttab.c lib/dropin/ledger.c lib/dropin/stubs.c)
target_link_libraries(xensim PRIVATE xenblk_flags Threads::Threads)
target_compile_options(xensim PRIVATE ${XENSIM_PLAIN_FLAGS} -fvisibility=hidden)
target_link_options(xensim PRIVATE -fno-sanitize=all -Wl,-z,defs -Wl,-z,now)

add_executable(
  xenblk-sim
  main.c domain.c grants.c ports.c ${XENSIM_SHARED}
  broker/answer.c broker/broker.c broker/guest.c broker/proxy.c
  broker/proxy_client.c broker/proxy_ring.c
  toolstack/command.c toolstack/disk.c toolstack/disks.c toolstack/ends.c
  toolstack/guests.c toolstack/keeper.c toolstack/place.c toolstack/run.c
  toolstack/status.c toolstack/store.c toolstack/tree.c toolstack/vdev.c)
target_link_libraries(xenblk-sim PRIVATE xenblk_flags xenstore Threads::Threads)
add_dependencies(xenblk-sim xensim)

if(XENBLK_TESTS)
  add_executable(sim-exercise exercise/main.c exercise/guest.c exercise/check.c
                              exercise/load.c exercise/bench.c)
  target_link_libraries(sim-exercise PRIVATE xenblk_flags xengnttab xenevtchn
                                             xenstore PkgConfig::uring
                                             Threads::Threads)
  set_target_properties(sim-exercise PROPERTIES RUNTIME_OUTPUT_DIRECTORY
                                                ${PROJECT_BINARY_DIR}/tests)
endif()

if(XENBLK_TESTS)
  add_executable(test_sim_vdev toolstack/test_vdev.c toolstack/vdev.c)
  add_executable(test_sim_repair lib/dropin/test_repair.c lib/dropin/repair.c
                                 lib/dropin/shared.c domain.c grants.c ports.c)
  foreach(test IN ITEMS vdev repair)
    target_link_libraries(test_sim_${test} PRIVATE xenblk_flags cmocka
                                                   Threads::Threads)
    set_target_properties(test_sim_${test} PROPERTIES RUNTIME_OUTPUT_DIRECTORY
                                                      ${PROJECT_BINARY_DIR}/tests)
    add_test(NAME unit.sim.${test} COMMAND test_sim_${test})
    set_tests_properties(unit.sim.${test} PROPERTIES TIMEOUT 120 LABELS unit)
  endforeach()
endif()

# MemorySanitizer cannot follow the preloaded library.
if(XENBLK_TESTS AND NOT CMAKE_C_FLAGS MATCHES "fsanitize=memory")
  add_test(NAME contract.dropin
           COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/exercise/contract.sh)
  add_test(NAME contract.bridge
           COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/exercise/contract_bridge.sh)
  set_tests_properties(
    contract.dropin contract.bridge PROPERTIES TIMEOUT 120 LABELS contract ENVIRONMENT
                               XENBLK_BIN=${PROJECT_BINARY_DIR}/bin)
endif()
