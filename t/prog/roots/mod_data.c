/* SPDX-License-Identifier: MIT */
/* Module with pointers in .data and .bss, for data_dlopen. */
void *mod_data_bss;
void *mod_data_data = &mod_data_bss;
