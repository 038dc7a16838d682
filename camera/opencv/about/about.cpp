#include <opencv2/core.hpp>

// deixis_opencv_build is OpenCV's build information; it lives as long as the program.
extern "C" const char *deixis_opencv_build(void) {
    static const cv::String info = cv::getBuildInformation();
    return info.c_str();
}
