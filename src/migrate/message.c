#include "migrate/message.h"

#include "base/cleanup.h"

#include <endian.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/sendfile.h>

enum { PENDING_MAX = 256 * 1024, DATA_HEAD = 2 * sizeof(uint64_t) };

static bool reserve(struct message *message, size_t more)
{
	size_t wanted = message->length + more;
	if (wanted <= message->capacity)
		return true;
	size_t capacity = wanted + wanted / 2 + 256;
	unsigned char *data = realloc(message->data, capacity);
	if (!data) {
		message->is_short = true;
		return false;
	}
	message->data = data;
	message->capacity = capacity;
	return true;
}

void message_start(struct message *message, enum message_type type)
{
	message->type = type;
	message->length = message->at = message->rest = 0;
	message->is_short = false;
}

void message_put_number(struct message *message, uint64_t value)
{
	uint64_t little = htole64(value);
	if (!reserve(message, sizeof(little)))
		return;
	memcpy(message->data + message->length, &little, sizeof(little));
	message->length += sizeof(little);
}

void message_put_bytes(struct message *message, const void *data, size_t length)
{
	message_put_number(message, length);
	if (!reserve(message, length + 1))
		return;
	if (length)
		memcpy(message->data + message->length, data, length);
	message->data[message->length + length] = '\0';
	message->length += length + 1;
}

void message_put_text(struct message *message, const char *text)
{
	message_put_bytes(message, text, strlen(text));
}

uint64_t message_get_number(struct message *message)
{
	uint64_t little;
	if (message->length - message->at < sizeof(little)) {
		message->at = message->length;
		message->is_short = true;
		return 0;
	}
	memcpy(&little, message->data + message->at, sizeof(little));
	message->at += sizeof(little);
	return le64toh(little);
}

const char *message_get_bytes(struct message *message, size_t *ret_length)
{
	uint64_t length = message_get_number(message);
	size_t left = message->length - message->at;
	*ret_length = 0;
	if (left == 0 || length > left - 1 || message->data[message->at + length] != '\0') {
		message->at = message->length;
		message->is_short = true;
		return "";
	}
	const char *found = (const char *)message->data + message->at;
	message->at += length + 1;
	*ret_length = length;
	return found;
}

const char *message_get_text(struct message *message)
{
	size_t length;
	const char *text = message_get_bytes(message, &length);
	if (strlen(text) == length)
		return text;
	message->is_short = true;
	return "";
}

void message_clear(struct message *message)
{
	free(message->data);
	*message = (struct message){ 0 };
}

/* ---- stream ---- */

static int wait_for(int fd, short events, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };
	int r;
	do
		r = poll(&poll_fd, 1, timeout_ms);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r == 0 ? -ETIMEDOUT : 0;
}

static int write_out(struct stream *stream, const unsigned char *data, size_t length)
{
	while (length > 0) {
		ssize_t done = write(stream->out_fd, data, length);
		if (done < 0 && errno == EAGAIN) {
			int r = wait_for(stream->out_fd, POLLOUT, stream->timeout_ms);
			if (r < 0)
				return r;
			continue;
		}
		if (done < 0 && errno != EINTR)
			return -errno;
		if (done > 0) {
			data += done;
			length -= (size_t)done;
			stream->sent += (uint64_t)done;
		}
	}
	return 0;
}

int stream_flush(struct stream *stream)
{
	int r = write_out(stream, stream->pending, stream->pending_length);
	stream->pending_length = 0;
	return r;
}

static int append(struct stream *stream, const void *data, size_t length)
{
	if (!stream->pending && !(stream->pending = malloc(PENDING_MAX)))
		return -ENOMEM;
	if (stream->pending_length + length > PENDING_MAX) {
		int r = stream_flush(stream);
		if (r < 0)
			return r;
	}
	if (length > PENDING_MAX)
		return write_out(stream, data, length);
	memcpy(stream->pending + stream->pending_length, data, length);
	stream->pending_length += length;
	return 0;
}

int stream_send(struct stream *stream, const struct message *message)
{
	const uint32_t head[2] = { htole32(message->type), htole32((uint32_t)message->length) };
	if (message->is_short)
		return -ENOMEM;
	if (message->length > MESSAGE_MAX)
		return -EMSGSIZE;
	int r = append(stream, head, sizeof(head));
	return r < 0 || message->length == 0 ? r : append(stream, message->data, message->length);
}

/* A pipe takes the pages of the file themselves. 0: the file ends here. */
static ssize_t send_part(struct stream *stream, int fd, uint64_t at, size_t length)
{
	off_t offset = (off_t)at;
	for (;;) {
		ssize_t done = sendfile(stream->out_fd, fd, &offset, length);
		if (done >= 0 || (errno != EAGAIN && errno != EINTR))
			return done < 0 ? -errno : done;
		int r = errno == EINTR ? 0 : wait_for(stream->out_fd, POLLOUT, stream->timeout_ms);
		if (r < 0)
			return r;
	}
}

/* Where sendfile(2) can not: through the buffer, which is empty. */
static ssize_t copy_part(struct stream *stream, int fd, uint64_t at, size_t length)
{
	ssize_t count = pread(fd, stream->pending, length < PENDING_MAX ? length : PENDING_MAX, (off_t)at);
	if (count <= 0)
		return count < 0 ? -errno : 0;
	int r = write_out(stream, stream->pending, (size_t)count);
	return r < 0 ? r : count;
}

static int send_zeros(struct stream *stream, size_t length)
{
	static const unsigned char zeros[4096];
	int r = 0;
	for (size_t part; r == 0 && length > 0; length -= part) {
		part = length < sizeof(zeros) ? length : sizeof(zeros);
		r = append(stream, zeros, part);
	}
	return r;
}

static int send_content(struct stream *stream, int fd, uint64_t at, size_t length)
{
	bool is_plain = false;
	while (length > 0) {
		ssize_t done = is_plain ? copy_part(stream, fd, at, length) : send_part(stream, fd, at, length);
		if (!is_plain && (done == -EINVAL || done == -ENOSYS)) {
			is_plain = true;
			continue;
		}
		if (done <= 0)
			return done < 0 ? (int)done : send_zeros(stream, length);
		stream->sent += is_plain ? 0 : (uint64_t)done;
		at += (uint64_t)done;
		length -= (size_t)done;
	}
	return 0;
}

int stream_send_data(struct stream *stream, int fd, uint64_t at, size_t length)
{
	const uint32_t head[2] = { htole32(MESSAGE_DATA), htole32((uint32_t)(DATA_HEAD + length + 1)) };
	const uint64_t numbers[2] = { htole64(at), htole64(length) };
	int r = append(stream, head, sizeof(head));
	r = r ?: append(stream, numbers, sizeof(numbers));
	r = r ?: stream_flush(stream);
	r = r ?: send_content(stream, fd, at, length);
	return r ?: append(stream, "", 1);
}

int stream_send_text(struct stream *stream, enum message_type type, const char *text)
{
	struct message message = { 0 };
	message_start(&message, type);
	message_put_text(&message, text);
	int r = stream_send(stream, &message);
	message_clear(&message);
	return r ?: stream_flush(stream);
}

int stream_send_pairs(struct stream *stream, enum message_type type, const struct pairs *pairs)
{
	auto_free char *text = NULL;
	int r = pairs_text(pairs, &text);
	return r ?: stream_send_text(stream, type, text);
}

static int read_in(struct stream *stream, void *data, size_t length)
{
	for (unsigned char *at = data; length > 0;) {
		int r = wait_for(stream->in_fd, POLLIN, stream->timeout_ms);
		if (r < 0)
			return r;
		ssize_t done = read(stream->in_fd, at, length);
		if (done == 0)
			return -ENODATA;
		if (done < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (done > 0) {
			at += done;
			length -= (size_t)done;
			stream->received += (uint64_t)done;
		}
	}
	return 0;
}

int stream_receive(struct stream *stream, struct message *message)
{
	uint32_t head[2];
	message_start(message, 0);
	int r = read_in(stream, head, sizeof(head));
	if (r < 0)
		return r;
	size_t length = le32toh(head[1]);
	if (length > MESSAGE_MAX)
		return -EPROTO; /* a greeting of a shell, perhaps */
	if (!reserve(message, length))
		return -ENOMEM;
	message->type = le32toh(head[0]);
	if (message->type == MESSAGE_DATA && length > DATA_HEAD) {
		message->rest = length - DATA_HEAD;
		length = DATA_HEAD;
	}
	message->length = length;
	return read_in(stream, message->data, length);
}

static ssize_t receive_part(struct stream *stream, int fd, off_t *at, size_t length)
{
	int r = wait_for(stream->in_fd, POLLIN, stream->timeout_ms);
	ssize_t done = r < 0 ? r : splice(stream->in_fd, NULL, fd, at, length, SPLICE_F_MOVE);
	return r < 0 || done >= 0 ? done : -errno;
}

/* Where splice(2) can not: the stream is no pipe. */
static ssize_t take_part(struct stream *stream, struct message *buffer, int fd, off_t *at, size_t length)
{
	size_t wanted = length < PENDING_MAX ? length : PENDING_MAX;
	message_start(buffer, MESSAGE_DATA);
	if (!reserve(buffer, wanted))
		return -ENOMEM;
	int r = read_in(stream, buffer->data, wanted);
	for (size_t written = 0; r == 0 && written < wanted;) {
		ssize_t count = pwrite(fd, buffer->data + written, wanted - written, *at);
		if (count < 0)
			r = -errno;
		else
			*at += count, written += (size_t)count;
	}
	return r < 0 ? r : (ssize_t)wanted;
}

int stream_receive_data(struct stream *stream, struct message *message, int fd)
{
	off_t at = (off_t)message_get_number(message);
	uint64_t left = message_get_number(message);
	bool is_plain = false;
	char end = 1;
	if (message->is_short || at < 0 || message->rest != left + 1)
		return -EPROTO;
	while (left > 0) {
		ssize_t done = is_plain ? take_part(stream, message, fd, &at, left) : receive_part(stream, fd, &at, left);
		if (done == -EINTR || done == -EAGAIN || (done == -EINVAL && !is_plain)) {
			is_plain |= done == -EINVAL;
			continue;
		}
		if (done <= 0)
			return done < 0 ? (int)done : -ENODATA;
		stream->received += is_plain ? 0 : (uint64_t)done;
		left -= (uint64_t)done;
	}
	int r = read_in(stream, &end, 1);
	return r < 0 ? r : end ? -EPROTO : 0;
}

void stream_clear(struct stream *stream)
{
	free(stream->pending);
	stream->pending = NULL;
	stream->pending_length = 0;
}
