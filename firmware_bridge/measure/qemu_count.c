/* qemu_count.c - a plugin for QEMU's user-mode emulators that counts executed instructions.
 *
 * Declares the part of QEMU's plugin interface that it uses, which versions 1 to 4 share; INTERFACE
 * is the one to state (QEMU 9 and later refuse 1). It is compiled where it is used and loaded into
 * QEMU (GPL); this source is under the project's MIT licence. On exit it writes one line to standard
 * error: "instructions N". One thread of the emulated program is counted without a lock. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifndef INTERFACE
#define INTERFACE 1
#endif

typedef uint64_t qemu_plugin_id_t;
typedef struct qemu_info_t qemu_info_t;
struct qemu_plugin_tb;
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
typedef void (*translate_cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*execute_cb)(unsigned int cpu, void *user);
typedef void (*user_cb)(qemu_plugin_id_t id, void *user);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, translate_cb cb);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, execute_cb cb,
                                          enum qemu_plugin_cb_flags flags, void *user);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, user_cb cb, void *user);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = INTERFACE;
static uint64_t total;

static void executed(unsigned int cpu, void *instructions) {
    (void)cpu;
    total += (uintptr_t)instructions;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, QEMU_PLUGIN_CB_NO_REGS, (void *)(uintptr_t)qemu_plugin_tb_n_insns(tb));
}

static void finished(qemu_plugin_id_t id, void *user) {
    (void)id;
    (void)user;
    fprintf(stderr, "instructions %llu\n", (unsigned long long)total);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv) {
    (void)info;
    (void)argc;
    (void)argv;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, finished, NULL);
    return 0;
}
