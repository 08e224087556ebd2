/* SPDX-License-Identifier: MIT */
/* Module with dynamic TLS of two sizes, for the tls_dlopen victims. */
__thread void *mod_tls_slot;
__thread char mod_tls_room[3000];
__thread void *mod_tls_last;

void **mod_tls_address(void);
void **mod_tls_address_last(void);

void **mod_tls_address(void) {
  mod_tls_room[17] = 1;
  return &mod_tls_slot;
}
void **mod_tls_address_last(void) { return &mod_tls_last; }
