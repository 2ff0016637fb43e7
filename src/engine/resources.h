#pragma once
#include "base/log.h"
#include "engine/rundir.h"

/* What the journal can name; one release function each. */
#define RESOURCE_LINK	"LINK"	  /* a veth's host side */
#define RESOURCE_PHYS	"PHYS"	  /* a device lent to the container */
#define RESOURCE_UPPER	"UPPER"	  /* an interface of the container on top of a parent, that must go at once */
#define RESOURCE_ROUTE	"ROUTE"	  /* a route on the host */
#define RESOURCE_PROXY	"PROXY"	  /* a neighbour that the host answers for */
#define RESOURCE_NIC	"NIC"	  /* a veth that lxc-user-nic made */
#define RESOURCE_DHCP	"DHCP"	  /* a DHCP client outside of the container, by its lease file */
#define RESOURCE_FILTER	"FILTER"  /* what a venet, or a veth with security, has in the table of the filter */
#define RESOURCE_CGROUP "CGROUP"  /* path of a cgroup directory */
#define RESOURCE_OVS	"OVS"	  /* a port of a bridge of Open vSwitch */
#define RESOURCE_NETNS	"NETNS"	  /* path at which the network namespace is kept alive while devices are lent to it */
#define RESOURCE_APPARMOR "APPARMOR" /* a profile made for this container alone */
#define RESOURCE_UNIT	"UNIT"	  /* a unit of systemd that has the cgroup */
#define RESOURCE_PIDFILE "PIDFILE"
#define RESOURCE_DIRECTORY "DIRECTORY"

/* Replays the journal of a run directory backwards. netns_fd: of the container, or -1. Best effort. */
void resources_release(int run_fd, int netns_fd, const struct log *log);
