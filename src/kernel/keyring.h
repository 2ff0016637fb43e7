#pragma once

/* Gives the caller a new, anonymous session keyring: keyctl(2). 0 or -errno. */
int keyring_new_session(void);
