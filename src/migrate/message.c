#include "migrate/message.h"

#include "base/cleanup.h"

#include <endian.h>
#include <poll.h>
#include <string.h>

enum { PENDING_MAX = 256 * 1024 };

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
	message->length = message->at = 0;
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
	message->length = length;
	return read_in(stream, message->data, length);
}

void stream_clear(struct stream *stream)
{
	free(stream->pending);
	stream->pending = NULL;
	stream->pending_length = 0;
}
