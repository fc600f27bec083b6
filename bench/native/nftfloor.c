/*
 * nftfloor FILE [REPEAT]: sends prepared nf_tables datagrams and waits for the acknowledgement of each batch's END: what the kernel itself takes.
 * FILE holds datagrams, each behind its length (u32, host byte order). Prints the nanoseconds of each send and acknowledgement, one a line.
 * Build: gcc -O2 -o nftfloor nftfloor.c. Run it in a network namespace of its own (Linux 6.10 or later).
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/socket.h>
#include <linux/netlink.h>

static char answer[1 << 16];

static int acknowledged(int fd)
{
	ssize_t length = recv(fd, answer, sizeof answer, 0);
	if (length < (ssize_t)(sizeof(struct nlmsghdr) + sizeof(int)))
		return -1;
	struct nlmsghdr *header = (struct nlmsghdr *)answer;
	int code;
	memcpy(&code, NLMSG_DATA(header), sizeof code);
	return header->nlmsg_type == NLMSG_ERROR ? code : -1;
}

int main(int argc, char **argv)
{
	FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
	if (!file) {
		fprintf(stderr, "usage: nftfloor FILE\n");
		return 2;
	}
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
		perror("netlink socket");
		return 2;
	}
	int size = 1 << 30;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
	uint32_t length;
	while (fread(&length, sizeof length, 1, file) == 1) {
		char *datagram = malloc(length);
		if (fread(datagram, 1, length, file) != length)
			return 2;
		struct timespec begin, end;
		clock_gettime(CLOCK_MONOTONIC, &begin);
		if (send(fd, datagram, length, 0) != (ssize_t)length) {
			perror("send");
			return 1;
		}
		int code = acknowledged(fd);
		clock_gettime(CLOCK_MONOTONIC, &end);
		if (code != 0) {
			fprintf(stderr, "refused: %d\n", code);
			return 1;
		}
		printf("%lld\n", (end.tv_sec - begin.tv_sec) * 1000000000LL + end.tv_nsec - begin.tv_nsec);
		free(datagram);
	}
	return 0;
}
