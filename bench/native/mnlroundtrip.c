/*
 * Asks for the link of index 1 again and again by libmnl: writes the request, sends it, receives the answer and walks its attributes. Prints the
 * nanoseconds of each round trip, one a line, but for the first tenth.
 *
 * usage: mnlroundtrip ROUNDS
 */
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int count_attribute(const struct nlattr *attribute, void *data)
{
	*(unsigned long *)data += mnl_attr_get_payload_len(attribute);
	return MNL_CB_OK;
}

static int walk(const struct nlmsghdr *message, void *data)
{
	return mnl_attr_parse(message, sizeof(struct ifinfomsg), count_attribute, data);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 20000;
	long *took = calloc(rounds, sizeof(long));
	static char buffer[32768], reply[32768];
	struct mnl_socket *socket = mnl_socket_open(NETLINK_ROUTE);
	unsigned long bytes = 0;

	if (took == NULL || socket == NULL || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		perror("open");
		return 1;
	}

	unsigned int port = mnl_socket_get_portid(socket);
	for (int round = 0; round < rounds; round++) {
		struct timespec begin, end;
		clock_gettime(CLOCK_MONOTONIC, &begin);
		struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
		request->nlmsg_type = RTM_GETLINK;
		request->nlmsg_flags = NLM_F_REQUEST;
		request->nlmsg_seq = round + 1;
		struct ifinfomsg *link = mnl_nlmsg_put_extra_header(request, sizeof(*link));
		link->ifi_index = 1;
		if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0) {
			perror("send");
			return 1;
		}

		ssize_t length = mnl_socket_recvfrom(socket, reply, sizeof(reply));
		if (length < 0 || mnl_cb_run(reply, length, round + 1, port, walk, &bytes) < 0) {
			perror("receive");
			return 1;
		}

		clock_gettime(CLOCK_MONOTONIC, &end);
		took[round] = (end.tv_sec - begin.tv_sec) * 1000000000L + end.tv_nsec - begin.tv_nsec;
	}

	for (int round = rounds / 10; round < rounds; round++)
		printf("%ld\n", took[round]);
	return bytes == 0;
}
