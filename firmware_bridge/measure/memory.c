/* memory.c - the string function of the core that a compiler's own run-time library lacks.
 * Compiled with -fno-builtin, so that the loop does not become a call of itself. */
int strcmp(const char *a, const char *b) {
    while (*a && *a == *b) a++, b++;
    return (unsigned char)*a - (unsigned char)*b;
}
