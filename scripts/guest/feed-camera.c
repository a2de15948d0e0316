/* Hands grey Y4M frames (Cmono) from standard input to a v4l2loopback device as YUYV: feed-camera /dev/videoN */
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int fail(const char *what)
{
	perror(what);
	return 1;
}

int main(int count, char **words)
{
	char line[256];
	unsigned width, height;
	int device;

	if (count != 2 || !fgets(line, sizeof line, stdin) ||
	    sscanf(line, "YUV4MPEG2 W%u H%u", &width, &height) != 2) {
		fprintf(stderr, "usage: feed-camera /dev/videoN <Y4M\n");
		return 2;
	}
	device = open(words[1], O_RDWR);
	if (device < 0)
		return fail(words[1]);
	struct v4l2_format format = { .type = V4L2_BUF_TYPE_VIDEO_OUTPUT };
	format.fmt.pix.width = width;
	format.fmt.pix.height = height;
	format.fmt.pix.pixelformat = V4L2_PIX_FMT_YUYV;
	format.fmt.pix.bytesperline = 2 * width;
	format.fmt.pix.sizeimage = 2 * width * height;
	format.fmt.pix.field = V4L2_FIELD_NONE;
	format.fmt.pix.colorspace = V4L2_COLORSPACE_SRGB;
	if (ioctl(device, VIDIOC_S_FMT, &format) < 0)
		return fail("VIDIOC_S_FMT");
	size_t pixels = (size_t)width * height;
	unsigned char *grey = malloc(pixels), *pairs = malloc(2 * pixels);
	if (!grey || !pairs)
		return fail("malloc");
	memset(pairs, 128, 2 * pixels);
	while (fgets(line, sizeof line, stdin) && strncmp(line, "FRAME", 5) == 0) {
		if (fread(grey, 1, pixels, stdin) != pixels)
			break;
		for (size_t at = 0; at < pixels; at++)
			pairs[2 * at] = grey[at];
		if (write(device, pairs, 2 * pixels) < 0)
			return fail("write");
	}
	return 0;
}
