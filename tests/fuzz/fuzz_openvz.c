/*
 * Any bytes as a CTID.conf: reading, writing back and making a spec must neither crash nor leak; what is not changed
 * comes back as it was, and no value stops the spec.
 */
#include "dialect/openvz/ct.h"
#include "dialect/openvz/limits.h"
#include "dialect/openvz/network.h"
#include "dialect/openvz/params.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

const char *const fuzz_words[] = { "=", "\n", "\"", "'", "\\", "$VEID", "PHYSPAGES=", "NUMPROC=", "IP_ADDRESS=", "NETIF=ifname=eth0,bridge=b",
	"CAPABILITY=", "FEATURES=", "DEVICES=c:1:2:rw", "DEVNODES=null:rw", "DISKSPACE=", "NUMPTY=", "CPULIMIT=", "RATE=*:1:9", "RATEBOUND=yes", "CPUMASK=auto", "NODEMASK=0-1", "MEMINFO=", "LOCAL_UID=", ":", "unlimited", "1.5G",
	"/24", "export ", "# x\n", ";", NULL };

/* Saved and read again, a value is the same. */
static void check_value(struct vz_conf *conf, const char *key, const char *value)
{
	struct vz_conf again = { 0 };
	if (strchr(value, '\n'))
		return;
	if (vz_conf_set(conf, key, value) < 0)
		abort();
	char *text = vz_conf_text(conf);
	if (!text || vz_conf_parse(&again, text) < 0 || !vz_conf_get(&again, key) || strcmp(vz_conf_get(&again, key), value) != 0)
		abort();
	free(text);
	vz_conf_clear(&again);
}

static void check_spec(struct vz_ct *ct)
{
	struct spec *spec = NULL;
	struct error err = { 0 };
	if (vz_ct_spec(ct, "/vz/private/101", true, &spec, &err) < 0)
		abort();
	spec_free(spec);
	for (const struct vz_param *param = vz_params; param->key; param++) {
		char *text = NULL;
		const char *value = vz_ct_get(ct, param->key);
		if (value && vz_param_parse(param, value, &text) == 0 && !text)
			abort();
		free(text);
	}
	free(vz_ct_path(ct, "VE_ROOT"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vz_ct ct = { .id = 101, .name = "101", .conf_dir = "/etc/vz/conf", .conf_path = "/etc/vz/conf/101.conf" };
	char *text = malloc(size + 2), *back;
	memcpy(text, data, size);
	text[size] = '\0';
	if (strlen(text) > 0 && text[strlen(text) - 1] != '\n')
		strcat(text, "\n");
	if (vz_conf_parse(&ct.own, text) < 0)
		abort();
	back = vz_conf_text(&ct.own);
	if (!back || strncmp(back, text, strlen(text)) != 0)
		abort();
	check_spec(&ct);
	char *copy = strndup(text, 60); /* as a value, too */
	check_value(&ct.own, "FIRST_NEW", copy);
	free(copy);
	free(back);
	free(text);
	vz_ct_clear(&ct);
	return 0;
}
