/*
 * nftfloor FILE: sends prepared nf_tables datagrams and waits for the acknowledgement of each batch's END: what the kernel itself takes.
 * FILE holds datagrams, each behind its length (u32, host byte order). Prints the nanoseconds of each send and acknowledgement, one a line.
 * nftfloor FILE threads: the same in a process of two threads, of which one sleeps, as any program of a managed runtime is: the kernel counts who uses the
 * socket at each call then.
 * nftfloor FILE dump N: then asks N times for all rules and receives them; prints the nanoseconds of each dump instead.
 * Build: gcc -O2 -pthread -o nftfloor nftfloor.c. Run it in a network namespace of its own (Linux 6.10 or later).
 */
#include <pthread.h>
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

static long long since(struct timespec begin)
{
	struct timespec end;
	clock_gettime(CLOCK_MONOTONIC, &end);
	return (end.tv_sec - begin.tv_sec) * 1000000000LL + end.tv_nsec - begin.tv_nsec;
}

/* Receives all rules 32 KiB at a time, which is what the kernel fills fastest, and only looks for the end. */
static int dump(int fd)
{
	struct { struct nlmsghdr header; unsigned char family, version, resource[2]; } request = {
		{ .nlmsg_len = 20, .nlmsg_type = 10 << 8 | 7, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .nlmsg_seq = 1 },
	};
	struct timespec begin;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	if (send(fd, &request, sizeof request, 0) < 0)
		return 1;
	for (;;) {
		ssize_t length = recv(fd, answer, 32768, 0);
		if (length <= 0)
			return 1;
		for (struct nlmsghdr *h = (struct nlmsghdr *)answer; NLMSG_OK(h, length); h = NLMSG_NEXT(h, length))
			if (h->nlmsg_type == NLMSG_DONE) {
				printf("%lld\n", since(begin));
				return 0;
			}
	}
}

static void *sleeper(void *unused)
{
	for (;;)
		pause();
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t other;
	if (argc > 2 && !strcmp(argv[2], "threads") && pthread_create(&other, NULL, sleeper, NULL) != 0) {
		perror("thread");
		return 2;
	}
	int dumps = argc > 3 && !strcmp(argv[2], "dump") ? atoi(argv[3]) : 0;
	FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
	if (!file) {
		fprintf(stderr, "usage: nftfloor FILE [threads | dump N]\n");
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
		struct timespec begin;
		clock_gettime(CLOCK_MONOTONIC, &begin);
		if (send(fd, datagram, length, 0) != (ssize_t)length) {
			perror("send");
			return 1;
		}
		int code = acknowledged(fd);
		long long taken = since(begin);
		if (code != 0) {
			fprintf(stderr, "refused: %d\n", code);
			return 1;
		}
		if (!dumps)
			printf("%lld\n", taken);
		free(datagram);
	}
	while (dumps-- > 0)
		if (dump(fd))
			return 1;
	return 0;
}
