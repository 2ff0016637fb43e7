/* What lxc-info tells of the interfaces. */
#include "tools/lxc/info.h"

#include "liblxc/extra.h"

#include <inttypes.h>

static void format_bytes(bool raw, uint64_t bytes, char *text, size_t size)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	unsigned int unit = 0;
	uint64_t whole = bytes, rest = 0;

	if (raw) {
		snprintf(text, size, "%" PRIu64, bytes);
		return;
	}
	if (bytes < 1024) {
		snprintf(text, size, "%" PRIu64 " bytes", bytes);
		return;
	}
	for (; whole >= 1024 && unit < 6; unit++) {
		rest = whole % 1024;
		whole /= 1024;
	}
	snprintf(text, size, "%" PRIu64 ".%02u %s", whole, (unsigned int)(rest * 100 / 1024), units[unit - 1]);
}

void info_print_bytes(bool raw, const char *label, uint64_t bytes)
{
	char text[64];

	if (bytes == UINT64_MAX)
		return;
	format_bytes(raw, bytes, text, sizeof(text));
	printf("%-15s %s\n", label, text);
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a == UINT64_MAX || b == UINT64_MAX ? UINT64_MAX : a + b;
}

void info_print_links(bool raw, struct lxc_container *c)
{
	struct extra_interfaces interfaces;

	extra_interfaces(c, true, &interfaces); /* none after a failure */
	for (size_t i = 0; i < interfaces.count; i++) {
		const struct extra_interface *one = &interfaces.items[i];

		printf("%-15s %s\n", "Link:", one->host_name ?: one->name);
		info_print_bytes(raw, " TX bytes:", one->tx_bytes);
		info_print_bytes(raw, " RX bytes:", one->rx_bytes);
		info_print_bytes(raw, " Total bytes:", sum(one->tx_bytes, one->rx_bytes));
	}
	extra_interfaces_clear(&interfaces);
}

static void print_line(const char *label, const char *text)
{
	if (text)
		printf("%-15s %s\n", label, text);
}

static void print_number(const char *label, uint64_t number)
{
	if (number != UINT64_MAX)
		printf("%-15s %" PRIu64 "\n", label, number);
}

/* Round rates as they are written in the configuration. */
static void print_rate(bool raw, const char *label, uint64_t bits)
{
	static const char *const units[] = { "", "k", "M", "G" };
	unsigned int unit = 0;

	for (; !raw && unit < 3 && bits && bits % 1000 == 0; unit++)
		bits /= 1000;
	if (bits && raw)
		printf("%-15s %" PRIu64 "\n", label, bits);
	else if (bits)
		printf("%-15s %" PRIu64 " %sbit/s\n", label, bits, units[unit]);
}

static void print_interface(bool raw, const struct extra_interface *one)
{
	print_line("Interface:", one->name ?: "?");
	print_line(" Type:", one->kind);
	print_line(" Host side:", one->host_name);
	for (size_t i = 0; i < one->address_count; i++)
		print_line(" Address:", one->addresses[i]);
	info_print_bytes(raw, " TX bytes:", one->tx_bytes);
	print_number(" TX packets:", one->tx_packets);
	print_number(" TX dropped:", one->tx_dropped);
	print_rate(raw, " TX limit:", one->egress_bits);
	info_print_bytes(raw, " RX bytes:", one->rx_bytes);
	print_number(" RX packets:", one->rx_packets);
	print_number(" RX dropped:", one->rx_dropped);
	print_rate(raw, " RX limit:", one->ingress_bits);
}

void info_print_interfaces(bool raw, struct lxc_container *c)
{
	struct extra_interfaces interfaces;

	extra_interfaces(c, false, &interfaces);
	for (size_t i = 0; i < interfaces.count; i++)
		print_interface(raw, &interfaces.items[i]);
	extra_interfaces_clear(&interfaces);
}

static void write_interface(struct json *json, const struct extra_interface *one)
{
	json_object(json, NULL);
	json_text(json, "name", one->host_name ?: one->name);
	json_text(json, "inside", one->name);
	json_text(json, "host", one->host_name);
	json_text(json, "type", one->kind);
	json_array(json, "addresses");
	for (size_t i = 0; i < one->address_count; i++)
		json_text(json, NULL, one->addresses[i]);
	json_end(json);
	json_unsigned(json, "tx_bytes", one->tx_bytes);
	json_unsigned(json, "rx_bytes", one->rx_bytes);
	json_unsigned(json, "tx_packets", one->tx_packets);
	json_unsigned(json, "rx_packets", one->rx_packets);
	json_unsigned(json, "tx_dropped", one->tx_dropped);
	json_unsigned(json, "rx_dropped", one->rx_dropped);
	json_unsigned(json, "egress_bits_per_second", one->egress_bits ? one->egress_bits : UINT64_MAX);
	json_unsigned(json, "ingress_bits_per_second", one->ingress_bits ? one->ingress_bits : UINT64_MAX);
	json_end(json);
}

void info_write_interfaces(struct json *json, struct lxc_container *c)
{
	struct extra_interfaces interfaces;

	extra_interfaces(c, false, &interfaces);
	json_array(json, "links");
	for (size_t i = 0; i < interfaces.count; i++)
		write_interface(json, &interfaces.items[i]);
	json_end(json);
	extra_interfaces_clear(&interfaces);
}
